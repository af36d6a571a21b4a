import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { StellaError } from '../../../src/errors.js'
import { readEnvironment } from '../../../src/files/environment.js'
import { emptyFolder } from '../../support/hub-fixture.js'

const home = (): string => '/home/me'

function read(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = 'linux'): ReturnType<typeof readEnvironment> {
  return readEnvironment(env, platform, home)
}

function refusal(env: NodeJS.ProcessEnv): StellaError {
  try {
    read(env)
  } catch (error) {
    if (error instanceof StellaError) return error
    throw error
  }
  throw new Error('Expected a StellaError')
}

describe('readEnvironment', () => {
  it('has a default for everything, and freezes it', () => {
    const environment = read({})
    expect(environment).toEqual({
      home: '/home/me/.cache/stella-pool',
      hub: {
        cacheDir: '/home/me/.cache/huggingface/hub',
        endpoint: 'https://huggingface.co',
        token: undefined,
        offline: false,
      },
    })
    expect(Object.isFrozen(environment) && Object.isFrozen(environment.hub)).toBe(true)
  })

  it('reads the variables of this process where none are given', () => {
    expect(readEnvironment().hub.endpoint).toMatch(/^https?:/)
  })

  it.each<[NodeJS.Platform, NodeJS.ProcessEnv, string]>([
    ['linux', { XDG_CACHE_HOME: '/xdg' }, '/xdg/stella-pool'],
    ['darwin', {}, '/home/me/Library/Caches/stella-pool'],
    ['win32', { LOCALAPPDATA: 'C:\\Users\\me\\AppData\\Local' }, 'C:\\Users\\me\\AppData\\Local\\stella-pool'],
    ['darwin', { STELLA_HOME: '/models' }, '/models'],
    ['linux', { STELLA_HOME: '~/models' }, '/home/me/models'],
    ['linux', { STELLA_HOME: '$DATA/${NAME}/$NONE', DATA: '/data', NAME: 'x' }, '/data/x/$NONE'],
  ])('on %s with %j keeps its files in %s', (platform, env, expected) => {
    expect(read(env, platform).home).toBe(expected)
  })

  // As huggingface_hub's constants.py.
  it.each<[NodeJS.ProcessEnv, string]>([
    [{ XDG_CACHE_HOME: '/xdg' }, '/xdg/huggingface/hub'],
    [{ XDG_CACHE_HOME: '/xdg', HF_HOME: '/hf' }, '/hf/hub'],
    [{ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
    [{ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/new' }, '/new'],
    [{ HF_HOME: '~/hf' }, '/home/me/hf/hub'],
    [{ HF_HOME: '~other/hf' }, `${process.cwd()}/~other/hf/hub`],
    [{ HF_HOME: '' }, '/home/me/.cache/huggingface/hub'],
    [{ HF_HOME: 'relative' }, `${process.cwd()}/relative/hub`],
  ])('with %j finds the hub cache in %s', (env, expected) => {
    expect(read(env).hub.cacheDir).toBe(expected)
  })

  it('drops trailing slashes of the endpoint and keeps its path', () => {
    expect(read({ HF_ENDPOINT: 'http://mirror.test:8080/hf//' }).hub.endpoint).toBe('http://mirror.test:8080/hf')
  })

  it.each(['mirror', 'ftp://mirror.test', 'https://mirror.test/?x', 'https://mirror.test/#x', 'https://'])(
    'refuses the endpoint %s',
    (HF_ENDPOINT) => {
      const error = refusal({ HF_ENDPOINT })
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain('HF_ENDPOINT')
    },
  )

  it('refuses an endpoint with a password without repeating it', () => {
    const error = refusal({ HF_ENDPOINT: 'https://me:secret@mirror.test' })
    expect(error.message).toContain('HF_TOKEN')
    expect(JSON.stringify(error.toProblemDetails())).not.toContain('secret')
  })

  it.each(['1', 'true', 'TRUE', 'Yes', 'on'])('takes %s as offline', (value) => {
    expect(read({ HF_HUB_OFFLINE: value }).hub.offline).toBe(true)
    expect(read({ TRANSFORMERS_OFFLINE: value }).hub.offline).toBe(true)
  })

  it.each(['0', 'false', 'no', 'Off', ''])('takes %j as not offline', (value) => {
    expect(read({ HF_HUB_OFFLINE: value }).hub.offline).toBe(false)
  })

  it('lets HF_HUB_OFFLINE decide where both are set', () => {
    expect(read({ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }).hub.offline).toBe(false)
  })

  it('refuses a switch it does not understand instead of going online', () => {
    const error = refusal({ HF_HUB_OFFLINE: 'yep' })
    expect(error.code).toBe('OPTION_INVALID')
    expect(error.message).toContain('HF_HUB_OFFLINE')
    expect(error.message).toContain('"yep"')
  })

  it('needs no home folder where the variables say everything, and says what to set otherwise', () => {
    const none = (): never => {
      throw new Error('ENOENT: uv_os_homedir')
    }
    const env = { STELLA_HOME: '/s', HF_HOME: '/h' }
    expect(readEnvironment(env, 'linux', none).hub.cacheDir).toBe('/h/hub')
    expect(() => readEnvironment({ STELLA_HOME: '/s' }, 'linux', none)).toThrow(/HF_HOME/)
  })

  it('refuses a folder with a NUL character', () => {
    expect(refusal({ STELLA_HOME: '/a\0b' }).message).toContain('STELLA_HOME')
  })
})

describe('the token', () => {
  it('comes from HF_TOKEN, then from the old variable', () => {
    expect(read({ HF_TOKEN: 'hf_a', HUGGING_FACE_HUB_TOKEN: 'hf_b' }).hub.token).toBe('hf_a')
    expect(read({ HF_TOKEN: ' ', HUGGING_FACE_HUB_TOKEN: 'hf_b' }).hub.token).toBe('hf_b')
    expect(read({ HF_TOKEN: ' hf_a\n' }).hub.token).toBe('hf_a')
  })

  it('comes from a file where no variable has it', async () => {
    const folder = await emptyFolder()
    await writeFile(join(folder, 'token'), 'hf_file\n')
    await writeFile(join(folder, 'other'), 'hf_other')
    expect(read({ HF_HOME: folder }).hub.token).toBe('hf_file')
    expect(read({ HF_HOME: folder, HF_TOKEN_PATH: join(folder, 'other') }).hub.token).toBe('hf_other')
    expect(read({ HF_HOME: folder, HF_TOKEN: 'hf_a' }).hub.token).toBe('hf_a')
    expect(read({ HF_HOME: folder, HF_TOKEN_PATH: join(folder, 'none') }).hub.token).toBeUndefined()
    expect(read({ HF_HOME: folder, HF_TOKEN_PATH: join(folder, 'other', 'x') }).hub.token).toBeUndefined()
    await writeFile(join(folder, 'token'), '\n')
    expect(read({ HF_HOME: folder }).hub.token).toBeUndefined()
  })

  it('is not used where that is forbidden', () => {
    expect(read({ HF_TOKEN: 'hf_a', HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).hub.token).toBeUndefined()
  })

  it.each(['hf_a\nb', 'hf a', 'hf_ä', 'hf_\u0000a'])(
    'that cannot be sent (%j) is refused and not shown',
    (HF_TOKEN) => {
      const error = refusal({ HF_TOKEN })
      expect(error.code).toBe('OPTION_INVALID')
      expect(error.message).toContain('HF_TOKEN')
      expect(JSON.stringify(error.toProblemDetails())).not.toContain(HF_TOKEN)
    },
  )

  it('in a file too large or not readable is refused, naming the file', async () => {
    const folder = await emptyFolder()
    const large = join(folder, 'large')
    await writeFile(large, 'x'.repeat(5000))
    expect(refusal({ HF_TOKEN_PATH: large }).message).toContain(large)
    await mkdir(join(folder, 'token'))
    const error = refusal({ HF_HOME: folder })
    expect(error.message).toContain(join(folder, 'token'))
    expect(error.message).toContain('EISDIR')
    expect(error.message).toContain('HF_HUB_DISABLE_IMPLICIT_TOKEN')
  })
})
