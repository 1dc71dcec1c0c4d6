/**
 * What the types of a workflow know about its stages beyond their fields: which stages they name, and what they read.
 * Nothing of it exists at run time.
 *
 * Checked by types: ids in `needs`, `then`, `otherwise` and `on_failure`, and the input that an expression begins with
 * (`=inputs.text`, `inputs.size > 3`). The rest of an expression is checked when the workflow is defined.
 */
import type { Definition, Stage } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'

/** Inputs of a workflow or of an agent, by name: `{ text: { type: 'text', required: true } }`. */
export type Inputs = NonNullable<Definition['inputs']>

/** Key of what only types know. */
declare const known: unique symbol

/** A stage that was built by a function of this library. */
export type Built<S extends Stage, Id extends string, Names extends string, Reads> = S & {
  readonly id: Id
  readonly [known]?: { names: Names; reads: Reads }
}

/** Fields of every kind of stage. Without `needs` a stage starts after the one before it in the list. */
export type Base<Id extends string, Needs extends string> = {
  /** Lower-case letters, digits and `_`; results are read under this name. */
  id: Id
  title?: string
  /** Stages that must be settled first. */
  needs?: readonly Needs[]
  /** `any` (default): runs when at least one of `needs` was not skipped; `all`: when none was. */
  join?: 'any' | 'all'
}

/** When the stage fails: fail the run (default), continue, or go to a stage. */
export type OnFailure<Then extends string> = 'fail' | 'continue' | { then: Then }

type IdsOf<S extends readonly Stage[]> = S[number]['id']

type NamesOf<T> = T extends { readonly [known]?: { names: infer Names extends string; reads: unknown } } ? Names : never

/** Every expression that stages contain. */
export type ReadsOf<T> = T extends { readonly [known]?: { names: string; reads: infer Reads } } ? Reads : never

/**
 * For each stage of a level: nothing, or a sentence about the stage that it names and that is not there, or about the
 * input that it reads and that is not there. A body does not know the inputs; the workflow around it does.
 */
export type Checked<S extends readonly Stage[], Known extends string = string> = {
  [I in keyof S]: Unknown<
    NamesOf<S[I]>,
    IdsOf<S> | 'end',
    'stage',
    Unknown<InputRead<ReadsOf<S[I]>>, Known, 'input', unknown>
  >
}

type Unknown<Used extends string, Known extends string, What extends string, Otherwise> = [
  Exclude<Used, Known>,
] extends [never]
  ? Otherwise
  : `there is no ${What} ${Exclude<Used, Known>}`

/** The expressions among the values that a task, a question or a run is given. */
export type Expressions<T> = Json extends T
  ? never
  : T extends string
    ? T extends `=${string}`
      ? T
      : never
    : T extends readonly (infer Item)[]
      ? Expressions<Item>
      : T extends object
        ? Expressions<T[keyof T]>
        : never

type InputRead<T> = T extends `=inputs.${infer Rest}` ? Identifier<Head<Rest>> : never
type Before<T extends string, End extends string> = T extends `${infer Start}${End}${string}` ? Start : T
type Head<T extends string> = Before<Before<Before<Before<Before<T, ' '>, '.'>, '['>, ')'>, ','>
/** What still has an operator in it is left to the check at run time. */
type Identifier<T extends string> =
  T extends `${string}${'+' | '-' | '*' | '/' | '%' | '=' | '!' | '<' | '>' | '?' | ':' | '|' | '&' | '}' | ']' | '\n'}${string}`
    ? never
    : T

/** Fields of an object in a list that its shape does not have, made impossible. */
export type Exactly<List extends readonly object[], Shape> = {
  [I in keyof List]: { [K in keyof List[I]]: K extends keyof Shape ? unknown : never }
}

/** The type of a value for an input of a declared type. */
type ValueOf<T extends Inputs[string]['type']> = {
  text: string
  number: number
  boolean: boolean
  list: Json[]
  object: { [key: string]: Json }
  any: Json
}[T]

type Needed<I extends Inputs> = {
  [K in keyof I]: I[K] extends { required: true } ? (I[K] extends { default: Json } ? never : K) : never
}[keyof I]
type Present<I extends Inputs> = {
  [K in keyof I]: I[K] extends { required: true } | { default: Json } ? K : never
}[keyof I]
type Values<I extends Inputs, There extends keyof I> = { [K in There]: ValueOf<I[K]['type']> } & {
  [K in Exclude<keyof I, There>]?: ValueOf<I[K]['type']>
}

/** What is given for declared inputs: those that are `required` and have no `default` must be there. */
export type InputValues<I extends Inputs> = Values<I, Needed<I>>

/** What arrives of declared inputs: defaults are filled in. Anything, where none were declared. */
export type InputsReceived<I extends Inputs> = string extends keyof I ? { [name: string]: Json } : Values<I, Present<I>>
