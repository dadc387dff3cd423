// Writes every generated file (documentation, JSON Schemas, AsyncAPI) from the compiled sources.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderFaultPage } from '../../dist/agent/faults/page.js';
import { GENERATED_FOLDERS, renderArtifacts } from '../../dist/protocol/docs/artifacts.js';

const root = new URL('../..', import.meta.url);
const artifacts = new Map([
  ...renderArtifacts((path) => readFileSync(new URL(path, root), 'utf8')),
  ['agent/faults/README.md', renderFaultPage()],
]);
for (const folder of GENERATED_FOLDERS) {
  mkdirSync(new URL(folder, root), { recursive: true });
  for (const name of readdirSync(new URL(folder, root))) {
    if (!artifacts.has(`${folder}/${name}`)) rmSync(new URL(`${folder}/${name}`, root));
  }
}
for (const [path, text] of artifacts) {
  mkdirSync(new URL(dirname(path), root), { recursive: true });
  writeFileSync(new URL(path, root), text);
}
console.log(`${artifacts.size} files generated`);
