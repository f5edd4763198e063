// Finds texts that are not complete in every language: empty ones, other placeholders, untranslated.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../console/", import.meta.url));
const faults = [];
let count = 0;

for (const name of readdirSync(ROOT, { recursive: true })) {
  if (!name.endsWith(".ts")) continue;
  const source = ts.createSourceFile(name, readFileSync(ROOT + name, "utf8"), ts.ScriptTarget.ES2022);
  visit(source, name);
}

function visit(node, name) {
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "words") {
    for (const property of node.arguments[0]?.properties ?? []) check(property, name);
  }
  ts.forEachChild(node, (child) => visit(child, name));
}

function check(property, name) {
  const key = property.name?.text ?? "?";
  const texts = property.initializer?.elements ?? [];
  const [en, ja] = texts.map((one) => (ts.isStringLiteralLike(one) ? one.text : null));
  const say = (what) => faults.push(`${name}: ${key}: ${what}`);
  count += 1;
  if (!en || !ja) return say("needs two plain texts, English and Japanese");
  const holes = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort().join(" ");
  if (holes(en) !== holes(ja)) say(`has ${holes(en) || "no value"} in English, ${holes(ja) || "none"} in Japanese`);
  if (!/[\u3001\u3002\u3040-\u30ff\u4e00-\u9fff]/.test(ja) && ja !== en) say("is no Japanese");
  if (/[\u3040-\u30ff\u4e00-\u9fff]/.test(en)) say("is Japanese in the English column");
}

console.log(`${count} texts in 2 languages`);
if (faults.length > 0) {
  console.error(faults.join("\n"));
  process.exit(1);
}
