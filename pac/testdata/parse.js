// Parses standard input as ES3 and prints "ok", or the complaint.
"use strict";
const acorn = require("internal/deps/acorn/acorn/dist/acorn");
try {
  acorn.parse(require("fs").readFileSync(0, "utf8"), { ecmaVersion: 3 });
  process.stdout.write("ok");
} catch (err) {
  process.stdout.write(String(err));
}
