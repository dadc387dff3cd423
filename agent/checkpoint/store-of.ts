import { GodwitError } from '../../protocol/mod.ts';
import type { Agent } from '../migration/agent.ts';
import type { CheckpointStore } from './store/store.ts';

/** The store of this node. @throws GodwitError CHECKPOINTS_OFF */
export function storeOf({ checkpoints, config }: Pick<Agent, 'checkpoints' | 'config'>): CheckpointStore {
  if (!checkpoints) throw new GodwitError('CHECKPOINTS_OFF', { node: config.node });
  return checkpoints;
}
