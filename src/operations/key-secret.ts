/**
 * What a key of the API is made of: `qk_` and 256 random bits in base64url. As nobody can guess one, its SHA-256 is
 * enough to know it by; slow password hashes are for secrets that people choose.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const KEY = /^qk_[A-Za-z0-9_-]{43}$/
/** 36 bits of the secret: enough to recognise it by, and 220 remain unknown. */
const PREFIX_LENGTH = 'qk_'.length + 6

export const newSecret = (): string => `qk_${randomBytes(32).toString('base64url')}`
export const isSecret = (text: string): boolean => KEY.test(text)
export const prefixOf = (secret: string): string => secret.slice(0, PREFIX_LENGTH)
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** In a time that says nothing about how much of it is right. */
export function isHashOf(hash: string, secret: string): boolean {
  const [one, other] = [Buffer.from(hash), Buffer.from(hashOf(secret))]
  return one.length === other.length && timingSafeEqual(one, other)
}
