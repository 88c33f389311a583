import { decodeFamily, deleteOvsDatapath, getFamily } from './netlink/generic.ts'
import { NETLINK, NetlinkSocket } from './netlink/socket.ts'

/** Removes the Open vSwitch datapath that the original's fast datapath leaves on a host, with its ports. */
export function removeOvsDatapath(name: string): void {
  const socket = new NetlinkSocket(NETLINK.GENERIC)
  try {
    const reply = socket.find('cannot look for Open vSwitch', getFamily('ovs_datapath'))
    const family = reply && decodeFamily(reply)
    if (family === undefined) return
    const what = `cannot remove the Open vSwitch datapath ${name}`
    socket.run([{ what, request: deleteOvsDatapath(family, name), unless: ['ENODEV'] }])
  } finally {
    socket.close()
  }
}
