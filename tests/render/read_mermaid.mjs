// Reads a JSON list of Mermaid texts and prints how many nodes and edges Mermaid's own grammar finds in each.
import { readFileSync } from "fs";
import { JSDOM } from "jsdom";

const page = new JSDOM("<!DOCTYPE html>");
global.window = page.window;
global.document = page.window.document;
const mermaid = (await import("mermaid")).default;
mermaid.initialize({ startOnLoad: false, maxTextSize: 1000000 });
await mermaid.parse("flowchart TB\n a-->b").catch(() => null);

const found = [];
for (const text of JSON.parse(readFileSync(process.argv[2], "utf-8"))) {
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  found.push([db.getVertices().size, db.getEdges().length]);
}
console.log(JSON.stringify(found));
