import type { ContainerLook } from '../look/look.ts';
import { NAMESPACES, type TaskFacts } from '../look/tasks.ts';
import { type Finding, taskName } from './finding.ts';

/** Namespaces criu nests (CLONE_SUBNS); every other kind must be init's. */
const NESTABLE: readonly string[] = ['mnt', 'net'];

/** Tasks criu cannot freeze, dump or build again. */
export function taskFindings(look: ContainerLook): Finding[] {
  const init = look.tasks.find((task) => task.pid === look.initPid);
  const findings: Finding[] = [];
  for (const task of look.tasks) {
    const name = taskName(look, task.pid);
    if (!task.inTree) {
      findings.push({ code: 'TASK_FOREIGN', what: name });
      continue;
    }
    // A zombie has left its namespaces and, in v2, its cgroup is all that is known of it.
    if (task.state === 'Z') continue;
    if (!task.inCgroup) findings.push({ code: 'TASK_OUTSIDE_CGROUP', what: name });
    if (task.tracer !== 0) findings.push({ code: 'TRACED', what: `${name} by pid ${task.tracer}` });
    if (task.name === '(sd-pam)') findings.push({ code: 'USER_MANAGER', what: name });
    if (init) findings.push(...nestedIn(init, task, name));
  }
  findings.push(...look.stuck.map((pid): Finding => ({ code: 'TASK_STUCK', what: taskName(look, pid) })));
  findings.push(
    ...look.hiddenLimits.map((pid): Finding => ({ code: 'LIMITS_HIDDEN', what: taskName(look, pid) })),
  );
  return findings;
}

function nestedIn(init: TaskFacts, task: TaskFacts, name: string): Finding[] {
  return NAMESPACES.flatMap((kind): Finding[] => {
    const [own, inits] = [task.namespaces[kind], init.namespaces[kind]];
    if (NESTABLE.includes(kind) || own === undefined || inits === undefined || own === inits) return [];
    return [{ code: 'NAMESPACE_NESTED', what: `${kind} of ${name}` }];
  });
}
