/** MTU of containers by default: fits underlays of 1460 bytes with every overhead that an overlay adds (overlay §1). */
export const DEFAULT_MTU = 1376

/** Facts of sleeve that both ends must agree on, and its timing (overlay §1). Times in ms, sizes in bytes. */
export const SLEEVE = {
  /** Length of the special frame that is a heartbeat: Ethernet header and connection UID. */
  heartbeatLength: 22,
  fragmentationTestLength: 60_001,
  /** Larger than any underlay: its EMSGSIZE starts the path MTU search. */
  kickLength: 60_000,
  fastHeartbeat: 500,
  slowHeartbeat: 10_000,
  heartbeatTimeout: 60_000,
  fragmentationTestInterval: 5 * 60_000,
  /** How long a fragmentation test may take before the path counts as losing fragments. */
  fragmentationTestTimeout: 5_000,
  /** Before discovery. */
  initialMtu: 65_535,
  /** Taken for good without a test. */
  lowestMtu: 552,
  mtuTestAttempts: 8,
  mtuTestFirstTimeout: 10,
  maxUdpPayload: 65_507,
  ethernetHeader: 14,
} as const

/** Subtags of sleeve's control messages (overlay §3.3). */
export const SLEEVE_SUBTAG = { established: 1, fragmentationReceived: 2, mtuVerified: 3 } as const

/** Mesh message tag of overlay control messages; compat peers use the subtag as the tag. */
export const OVERLAY_TAG = 7
