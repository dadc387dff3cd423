import { expect, it } from 'vitest';
import { lxcErrors } from './tool.ts';

it('takes the messages out of an LXC log, without its advice to look at the log', () => {
  const log = `lxc-start c1 20261124175051.872 ERROR    start - ../src/lxc/start.c:start:2378 - No such file or directory - Failed to exec "/nosuch"
lxc-start c1 20261124175051.873 WARN     start - ../src/lxc/start.c:start:1 - not told
lxc-start c1 20261124175051.886 ERROR    start - ../src/lxc/start.c:__lxc_start:2288 - Failed to spawn container "c1"
lxc-start c1 20261124175051.888 ERROR    lxc_start - ../src/lxc/tools/lxc_start.c:lxc_start_main:310 - To get more details, run the container in foreground mode
`;
  expect(lxcErrors(log)).toEqual([
    'No such file or directory - Failed to exec "/nosuch"',
    'Failed to spawn container "c1"',
  ]);
  expect(lxcErrors('')).toEqual([]);
  expect(lxcErrors('\0garbage ERROR \n')).toEqual([]);
});
