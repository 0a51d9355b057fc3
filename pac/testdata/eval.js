// Reads {"pac": source, "cases": [[url, host], …]} and prints the answers. The
// script runs in a context of its own without one PAC function, so that a use
// of dnsResolve and its relatives throws.
"use strict";
const vm = require("vm");
const { pac, cases } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const context = vm.createContext(Object.create(null));
vm.runInContext(pac, context);
const answers = cases.map(([url, host]) => {
  context.url = url;
  context.host = host;
  return vm.runInContext("FindProxyForURL(url, host)", context);
});
const globals = Object.keys(context).filter((k) => k !== "url" && k !== "host").sort();
process.stdout.write(JSON.stringify({ answers, globals }));
