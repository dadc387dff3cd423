import type { DomainSpec, Preparation } from '../../protocol/mod.ts';
import type { RuntimeState } from '../runtime/runtime.ts';
import { type Preparing, prepareRootfs } from './prepare.ts';

/** What the owner answers to `prepare-rootfs`. @throws GodwitError HOST_FAILED */
export async function preparationOf(
  spec: DomainSpec,
  action: Preparing,
  { node, state }: { readonly node: string; readonly state: RuntimeState },
): Promise<Omit<Preparation, 'type'>> {
  const { init, files } = await prepareRootfs(spec, action);
  const changed = files.some((file) => file.state === 'written' || file.state === 'removed');
  return {
    container: spec.name,
    node,
    init,
    files: [...files],
    prepared: files.every((file) => file.state === 'there' || file.state === 'written'),
    restartNeeded: changed && state !== 'stopped',
  };
}
