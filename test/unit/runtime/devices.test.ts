import { describe, expect, it } from 'vitest'

import { DEVICES, deviceAdvice } from '../../../src/runtime/devices.js'
import type { AskEngine } from '../../../src/runtime/resolve-device.js'
import { resolveDevice } from '../../../src/runtime/resolve-device.js'

/** A platform whose engine has these providers. */
function platform(...names: string[]): AskEngine {
  return () => Promise.resolve({ providers: names.map((name) => ({ name })) })
}

const unasked: AskEngine = () => Promise.reject(new Error('the engine was loaded'))

describe('the device a model runs on', () => {
  it('is the CPU where nothing is said, and for `auto`, without loading the engine', async () => {
    expect(await resolveDevice(undefined, unasked)).toBe('cpu')
    expect(await resolveDevice('auto', unasked)).toBe('cpu')
    expect(await resolveDevice('cpu', unasked)).toBe('cpu')
  })

  it('is what was asked for where the platform’s engine has it', async () => {
    const apple = platform('cpu', 'webgpu', 'coreml')
    expect(await resolveDevice('coreml', apple)).toBe('coreml')
    expect(await resolveDevice('webgpu', apple)).toBe('webgpu')
  })

  it('is refused with a list of what there is, where the engine lacks it', async () => {
    await expect(resolveDevice('dml', platform('cpu', 'webgpu', 'cuda', 'tensorrt'))).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringContaining('Accepted here: auto, cpu, webgpu, cuda') as string,
      details: { option: 'device', accepted: ['auto', 'cpu', 'webgpu', 'cuda'] },
    })
  })

  it.each(['gpu', 'CPU', 'cuda:0', '', null, 1, ['cpu'], 'constructor'])('is refused for %j', async (given) => {
    await expect(resolveDevice(given, unasked)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      details: { accepted: DEVICES },
    })
  })

  it('offers only providers that this package can name', async () => {
    await expect(resolveDevice('tensorrt', platform('cpu', 'tensorrt'))).rejects.toThrow(/Expected `device`/)
  })

  it('has advice for every device that may not open', () => {
    for (const device of DEVICES) if (device !== 'auto' && device !== 'cpu') expect(deviceAdvice(device)).not.toBe('')
  })

  it('knows the CPU in the engine that is installed', async () => {
    expect(await resolveDevice('cpu')).toBe('cpu')
    const missing = process.platform === 'win32' ? 'coreml' : 'dml'
    await expect(resolveDevice(missing)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })
})
