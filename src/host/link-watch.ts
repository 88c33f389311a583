import { NetlinkEvents } from './netlink/events.ts'
import { decodeLink, type Link, RTM_LINK } from './netlink/link.ts'
import type { Reply } from './netlink/message.ts'
import { NETLINK } from './netlink/socket.ts'

const RTNLGRP_LINK = 1

/** What happened to a link of the host. */
export type LinkChangeSeen =
  | { readonly kind: 'changed'; readonly link: Link }
  | { readonly kind: 'removed'; readonly link: Link }
  /** The kernel had more to tell than we could take: look at everything. */
  | { readonly kind: 'lost' }

/** Calls back for every change of a link in the host's namespace. */
export function watchLinks(onChange: (change: LinkChangeSeen) => void): NetlinkEvents {
  const seen = (message: Reply): void => {
    const link = decodeLink(message)
    if (link === undefined) return
    onChange({ kind: message.type === RTM_LINK.DELETE ? 'removed' : 'changed', link })
  }
  return new NetlinkEvents(NETLINK.ROUTE, [RTNLGRP_LINK], (messages) => {
    if (messages === undefined) onChange({ kind: 'lost' })
    else messages.forEach(seen)
  })
}
