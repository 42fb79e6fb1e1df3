// Reads { queries: { name: text }, schema: { table: columns } } from stdin and writes { name: [fault] } to stdout.
const fs = require("fs");
const path = require("path");
const vm = require("vm");

// The package is made for browsers: it looks for these two, and puts what it exports into the first.
global.window = global;
global.document = {};
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(process.argv[2], file), "utf8"), file);
}
const { Language } = global.Kusto;
const { DatabaseSymbol, TableSymbol } = Language.Symbols;

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const tables = Object.entries(asked.schema).map(([name, columns]) => TableSymbol.From(columns).WithName(name));
const Database = DatabaseSymbol.ctor || DatabaseSymbol;
const known = Language.GlobalState.Default.WithDatabase(new Database("workspace", tables));

function faultsOf(text) {
  const found = Language.KustoCode.ParseAndAnalyze(text, known).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, number) => found.getItem(number)).map((each) => ({
    code: each.Code,
    severity: each.Severity,
    message: each.Message,
    at: each.Start,
  }));
}

const answer = Object.entries(asked.queries).map(([name, text]) => [name, faultsOf(text)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answer)));
