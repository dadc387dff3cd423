// Makes the compiled entry points executable: tsc keeps the shebang but not the mode bits.
import { chmodSync, existsSync } from 'node:fs';

for (const file of ['dist/cli/main.js', 'dist/agent/main.js']) {
  if (existsSync(file)) chmodSync(file, 0o755);
}
