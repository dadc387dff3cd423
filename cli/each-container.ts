import { toGodwitError } from '../protocol/errors.ts';
import type { ContainerDigest } from '../protocol/messages/node.ts';
import type { Session } from './bus/session.ts';
import type { Context } from './context.ts';
import { formatDocument } from './output/document.ts';
import { writeError } from './output/error.ts';
import { printable } from './output/text.ts';

/** What was done to one container: a line for people, an item for the document of the given type. */
export interface Done {
  readonly type: string;
  readonly text: string;
  readonly item: { readonly name: string };
}

/**
 * Does the same to each named container, one after the other. A failure is told and the others still get their turn;
 * the exit code is that of the first failure.
 */
export async function eachContainer(
  context: Context,
  names: readonly string[],
  act: (session: Session, name: string) => Promise<Done>,
): Promise<number> {
  const session = await context.session();
  const done: Done[] = [];
  let exitCode = 0;
  for (const name of new Set(names)) {
    try {
      const result = await act(session, name);
      done.push(result);
      if (context.format === 'name') context.terminal.out(`${name}\n`);
      else if (context.format === 'table' || context.format === 'wide') {
        context.terminal.out(`${printable(result.text)}\n`);
      }
    } catch (error) {
      const told = toGodwitError(error);
      writeError(context.terminal, told, context);
      exitCode ||= told.exitCode;
    }
  }
  const [first] = done;
  if (first !== undefined) {
    const document = { type: first.type, items: done.map((one) => one.item) };
    context.terminal.out((await formatDocument(document, context.format)) ?? '');
  }
  return exitCode;
}

/** A container whose state was changed. */
export function changed(container: ContainerDigest): Done {
  const { name, state, owner } = container;
  return { type: 'io.godwit.v1.container.list', text: `${name} ${state} on ${owner}`, item: container };
}
