/** Every bound the protocol relies on, in one place. Sizes end in `Bytes`, times in `Ms`. */
export const LIMITS = {
  /** NATS' default max_payload; larger control messages are refused before they are sent. */
  messageBytes: 1024 * 1024,
  /** One domain XML document. */
  domainXmlBytes: 256 * 1024,
  /** Nesting depth accepted in a domain XML document. */
  domainXmlDepth: 32,
  /** Attributes of one element. */
  domainXmlAttributes: 32,
  /** Problems quoted in one refusal of a document. */
  domainProblems: 16,
  /** One path in a description (the kernel's PATH_MAX without its terminator). */
  pathChars: 4_095,
  /** One title, init argument or environment value. */
  domainValueChars: 4_096,
  /** Arguments, and variables, of a container's init. */
  initValues: 256,
  filesystems: 64,
  interfaces: 16,
  addressesPerInterface: 16,
  vcpus: 4_096,
  numaNodes: 1_024,
  blkioDevices: 64,
  routesPerInterface: 64,
  /** Lines of one id map (the kernel takes 340). */
  idRanges: 340,
  hostdevs: 64,
  /** Files with more settings, and settings of LXC's own, of one container. */
  includes: 16,
  lxcSettings: 256,
  /** Longest time a policy may ask for. */
  policyMs: 86_400_000,
  nodeIdChars: 63,
  /** Labels of one node, or that one container asks for, and the value of one. */
  labels: 32,
  labelChars: 63,
  containerNameChars: 63,
  /** Reasons one pre-flight answer may carry. */
  refusals: 64,
  /** Tasks, descriptors and mounts one look into a running container may take before it says "incomplete". */
  lookTasks: 2_048,
  lookDescriptors: 65_536,
  lookMounts: 4_096,
  lookMapsBytes: 4 * 1024 * 1024,
  /** Of the environment of one process. */
  lookEnvironBytes: 256 * 1024,
  /** Its time: for the programs it starts, however busy the node is, and for each task. */
  lookMs: 5_000,
  lookTaskMs: 10,
  /** How long a task may wait for its disk without running before it counts as hanging; a slow disk needs a second for an fsync. */
  lookStuckMs: 2_000,
  /** Largest difference of the clocks of source and target. */
  clockSkewMs: 2_000,
  /** Flags of one CPU, and the length of one flag's name. */
  cpuFlags: 512,
  /** Files of cgroups that a container's restore needs, and the name of one. */
  limitFiles: 32,
  limitFileChars: 64,
  cpuFlagChars: 32,
  /** Output of `exec` that travels in one reply (each of stdout and stderr). */
  execOutputBytes: 384 * 1024,
  /** Input of a command that somebody talks to, in one message; output that waits to be read. */
  execInputBytes: 64 * 1024,
  /** How long one request waits for output, and how long such a command runs on although nobody asks. */
  execReadMs: 2_000,
  execSilentMs: 20_000,
  /** Such commands of one node. */
  execSessions: 64,
  /** Columns, and rows, of a terminal. */
  terminalSize: 4_096,
  /** Read of a file that `prepare-rootfs` compares with its own. */
  preparedBytes: 64 * 1024,
  /** Command-line arguments of one `exec`. */
  execArgs: 256,
  /** Error lines of a CRIU log quoted in a job record. */
  criuErrorLines: 8,
  /** Longest line quoted from a log. */
  logLineChars: 400,
  /** Checkpoints one list may hold. */
  checkpointsListed: 1_000,
  /** Description of one checkpoint: its files, its domain XML. */
  manifestBytes: 32 * 1024 * 1024,
  /** Longest time between two checkpoints of a schedule, and for which one may be kept. */
  checkpointEveryMs: 31 * 86_400_000,
  checkpointAgeMs: 10 * 366 * 86_400_000,
  checkpointsKept: 10_000,
  /** Checkpoints that may build on each other: a restore reads them all. */
  checkpointChain: 64,
  /** Jobs an agent remembers. */
  jobsKept: 200,
  /** Webhooks of one agent. */
  webhooks: 16,
  /** Phases one job record may hold. */
  jobPhases: 128,
  /** Remarks kept with one job. */
  jobWarnings: 16,
  /** Bids of one auction that are kept until the container has found its place. */
  awardKept: 8,
  /** Moves that one balancing node plans, or is told of. */
  balanceMoves: 256,
  /** Moves of one evacuation at a time. */
  evacuateParallel: 64,
  /** Pre-dumps of one move. */
  roundsMax: 64,
  /** Passes through a root file system while its container runs. */
  rootfsPasses: 8,
  /** Files, directories and links in one root file system that is copied. */
  rootfsEntries: 2_000_000,
  /** One listing of them, as it crosses to the target. */
  rootfsListingBytes: 512 * 1024 * 1024,
  /** Directories, in all that a root file system is laid over, which pre-flight tells apart: 8 bytes each in one message. */
  lowerDirectories: 32_768,
  /** Files in one image set. */
  imageFiles: 65_536,
  imageFileNameChars: 128,
  /** Payload of one data frame. */
  frameBytes: 256 * 1024,
  /** The data port's handshake. */
  handshakeBytes: 4 * 1024,
  handshakeMs: 5_000,
  /** Connections to the data port that have not shown a valid handshake yet. */
  handshakesPending: 64,
  /** A one-time token, as text. */
  tokenChars: 256,
  /** Streams open at once on one data port. */
  dataStreams: 256,
  /** Streams of one kind in one job are numbered up to this. */
  streamIndexMax: 1_000_000,
  /** Bytes one stream may have under way: what its reader did not take yet, and what a new connection would replay. */
  streamWindowBytes: 4 * 1024 * 1024,
  /** Frames, and bytes of them, that are kept for a container while it stands still. */
  keptFrames: 4_096,
  keptFrameBytes: 4 * 1024 * 1024,
  /** Text of an error that travels in a stream. */
  streamErrorBytes: 1_024,
  /** A stream says at least this often that it is there. */
  streamHeartbeatMs: 1_000,
  /** A connection that carried nothing for so long counts as broken; a whole number of heartbeats. */
  streamSilentMs: 4_000,
  /** How long a stream without a connection waits for another one before it is broken. */
  streamResumeMs: 10_000,
  /** The first attempt to connect again; later ones may take a multiple, up to `handshakeMs`. */
  streamDialMs: 2_000,
  /** How long a destroyed stream may still try to tell its peer why. */
  streamLingerMs: 1_000,
  /** One pagemap image, and all of one round together; an entry takes about 20 bytes. */
  pagemapBytes: 256 * 1024 * 1024,
  /** One image with a process' memory areas. */
  memoryMapBytes: 64 * 1024 * 1024,
  /** Requests for pages that a lazy-pages daemon may have open: one for each thread that waits. */
  pageRequests: 65_536,
  /** Pages known to be touched first after a resume, which go along with the images: 4 MiB. */
  firstPages: 1_024,
  /** Answers read in one gather. */
  gatherReplies: 2_048,
  /** Longest text in an error header. */
  errorHeaderChars: 240,
  /** The container records of one cluster, and the events kept of it. */
  recordStoreBytes: 64 * 1024 * 1024,
  eventStoreBytes: 64 * 1024 * 1024,
  eventAgeMs: 7 * 24 * 3_600_000,
  /** Default deadline of one control request. */
  requestMs: 5_000,
  /** How long a move waits for its change of the record: longer than JetStream takes to elect a new leader (4 to 9 s). */
  recordPatienceMs: 15_000,
  /** How long a prepared target waits for the verdict before it tries to abort by CAS. */
  verdictMs: 10_000,
  /** A move that nobody bounded with --timeout. */
  moveMs: 600_000,
  /** After a move's time limit its source has given up; children and the target that have not are ended by themselves. */
  moveGraceMs: 60_000,
  /** The pages of a post-copy move: past the commit a time limit could only lose the container. */
  pagesMs: 86_400_000,
} as const;
