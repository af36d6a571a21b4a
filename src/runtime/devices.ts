/** Where graphs run: the devices a caller may ask for. Names only; `resolve-device.ts` says which of them there are. */

/**
 * Where a model runs, by the engine's names for its execution providers: `cpu`; `webgpu`, any GPU through Dawn; `cuda`,
 * NVIDIA with libraries that are installed separately; `coreml`, Apple; `dml`, DirectX 12.
 */
export type Device = 'cpu' | 'webgpu' | 'cuda' | 'coreml' | 'dml'

/** What a caller may ask for. `auto` is the CPU: graphs, int8 and the memory plan are made and measured for it. */
export type DeviceRequest = 'auto' | Device

/** Everything that may be asked for, on some platform. */
export const DEVICES = ['auto', 'cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const satisfies readonly DeviceRequest[]

/** Whether `value` is one of {@link DEVICES}. */
export function isDeviceRequest(value: unknown): value is DeviceRequest {
  return DEVICES.some((device) => device === value)
}

/** What to do where a device does not open, for the end of a message. */
export function deviceAdvice(device: Device): string {
  return ADVICE[device]
}

const ADVICE = {
  cpu: '',
  webgpu: 'It takes a GPU with a Vulkan, Metal or Direct3D 12 driver that this process can reach',
  cuda: 'It takes an NVIDIA driver, CUDA 12 with cuDNN 9, and ONNX Runtime’s CUDA libraries: `ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node`',
  coreml: 'It takes macOS on Apple silicon',
  dml: 'It takes Windows with a DirectX 12 GPU',
} as const satisfies Readonly<Record<Device, string>>
