import type { Report } from './report.ts'

/** For tests: the router of a host that nobody is connected to. */
export const lonelyRouter: Report['Router'] = {
  Protocol: 'weave',
  ProtocolMinVersion: 1,
  ProtocolMaxVersion: 2,
  Encryption: false,
  PeerDiscovery: true,
  Name: '00:00:00:00:00:04',
  NickName: 'four',
  Port: 6783,
  Peers: [],
  UnicastRoutes: [],
  BroadcastRoutes: [],
  Connections: null,
  TerminationCount: 0,
  Targets: null,
  OverlayDiagnostics: new Map(),
  TrustedSubnets: [],
  Interface: '',
  CaptureStats: null,
  MACs: null,
}
