/** From the device that was asked for to one that this platform's engine has. Knows no model. */
import { StellaError } from '../errors.js'
import { show } from '../show.js'
import type { Device } from './devices.js'
import { DEVICES, isDeviceRequest } from './devices.js'
import { engineFacts } from './session.js'

/** What the engine of this platform says of itself; a parameter, so that tests can be another platform. */
export type AskEngine = () => Promise<{ readonly providers: readonly { readonly name: string }[] }>

/**
 * The device that a request comes to. Loads the engine only where another than the CPU is asked for.
 *
 * @throws {StellaError} OPTION_INVALID naming what there is: for what is no device, and for one that this platform's
 * engine does not have. Whether the machine has such a device, and its driver, only loading a model tells.
 */
export async function resolveDevice(request: unknown = 'auto', askEngine: AskEngine = engineFacts): Promise<Device> {
  if (!isDeviceRequest(request)) throw refused(`Expected \`device\` to be ${DEVICES.join(', ')}; got ${show(request)}`)
  if (request === 'auto' || request === 'cpu') return 'cpu'
  const { providers } = await askEngine()
  const offered = DEVICES.filter((device) => device === 'auto' || providers.some(({ name }) => name === device))
  if (offered.includes(request)) return request
  throw refused(
    `ONNX Runtime for ${process.platform}/${process.arch} has no device \`${request}\`. Accepted here: ${offered.join(', ')}`,
    offered,
  )
}

function refused(message: string, accepted: readonly string[] = DEVICES): StellaError {
  return new StellaError('OPTION_INVALID', message, { details: { option: 'device', accepted } })
}
