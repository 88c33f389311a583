/** A device that a program hangs on. */
export interface Device {
  readonly name: string
  readonly ifindex: number
}
