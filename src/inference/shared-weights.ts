/** Whether weights are shared: what is asked for, and where it can be had. */
import type { Device } from '../runtime/devices.js'
import { invalid } from './options.js'

/**
 * Packed weights are laid out for the processor's kernels: on another device there is nothing to share.
 *
 * @param requested - Of the caller's options, and not yet checked.
 * @throws {StellaError} OPTION_INVALID for anything but a boolean, and for sharing on another device than the CPU.
 */
export function resolveSharedWeights(device: Device, requested: boolean | undefined): boolean {
  if (requested === undefined) return device === 'cpu'
  if (typeof requested !== 'boolean') throw invalid('sharedWeights', 'true or false', requested)
  if (requested && device !== 'cpu') {
    throw invalid('sharedWeights', `absent, or false, on the device \`${device}\``, requested)
  }
  return requested
}
