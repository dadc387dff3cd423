import { z } from 'zod';

/** CloudEvents 1.0, structured JSON mode: the one shape of everything on `….event.<topic>.<id>`. */
export const CloudEvent = z.object({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  time: z.string(),
  subject: z.string().optional(),
  datacontenttype: z.literal('application/json').default('application/json'),
  data: z.unknown(),
});
export type CloudEvent = z.infer<typeof CloudEvent>;
