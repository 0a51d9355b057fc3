// Reads queries as JSON from standard input, [{"name", "schema", "query"}], has
// Microsoft's Kusto language service parse and bind each behind its schema (KQL
// let statements), and prints what it says:
// [{"name", "columns": {name: type}, "problems": ["line:column code message"]}].
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
require("@kusto/language-service-next/bridge.min.js"); // defines the globals Bridge and System
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js"); // defines Kusto
const { GlobalState, KustoCode } = globalThis.Kusto.Language;

function* each(list) {
  for (let i = 0; list && i < list.Count; i++) yield list.getItem(i);
}

function place(text, at) {
  const before = text.slice(0, Math.max(at, 0)).split("\n");
  return `${before.length}:${before.at(-1).length + 1}`;
}

function read({ name, schema, query }) {
  const code = KustoCode.ParseAndAnalyze(schema + query, GlobalState.Default);
  const problems = [];
  for (const d of each(code.GetDiagnostics())) {
    if (d.Severity === "Suggestion" || d.Severity === "Hidden") continue;
    const at = d.Start - schema.length;
    problems.push(`${at < 0 ? "schema " : ""}${place(query, at)} ${d.Code} ${d.Message}`);
  }
  const columns = {};
  for (const c of each(code.ResultType?.Columns)) columns[c.Name] = c.Type.Name;
  return { name, columns, problems };
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(read)));
