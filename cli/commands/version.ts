import type { Command } from 'commander';
import type { VersionDocument } from '../../protocol/documents.ts';
import { action, type Cli } from '../action.ts';
import { writeOne } from '../output/document.ts';
import { packageVersion } from '../version.ts';

/** `godwit version`: what this program is; never asks the bus. */
export function register(program: Command, cli: Cli): void {
  program
    .command('version')
    .summary('print the version')
    .description(
      'Prints the version of this program, of the protocol and of Node.js. Nodes: `godwit node ls -o wide`.',
    )
    .action(
      action(cli, async ({ terminal, format }) => {
        const document: VersionDocument = {
          type: 'io.godwit.v1.version',
          version: packageVersion(),
          protocol: 'v1',
          runtime: `node ${process.version}`,
        };
        const plain = `godwit ${document.version} (protocol ${document.protocol}, ${document.runtime})\n`;
        await writeOne(terminal, format, { document, name: document.version, text: () => plain });
        return 0;
      }),
    );
}
