// The Candlecast API for TypeScript. Types come from the API's description (`make clients` writes api.d.ts), requests are openapi-fetch's.
import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./api.d.ts";

export type Problem = components["schemas"]["Problem"];
export type Candlecast = Client<paths>;

const GATEWAY = "GATEWAY"; // code of an answer that never reached the API, so that it has none of its own

/** The API has refused a request. `code` is stable, `message` is for people. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly problem: Problem | null;

  constructor(status: number, problem: Problem | null) {
    super(problem?.detail ?? `the gateway answered ${status}`);
    this.name = "Refused";
    this.status = status;
    this.code = problem?.code ?? GATEWAY;
    this.problem = problem;
  }
}

/** A client of one deployment. `token` is asked for before each request, since a token ends after an hour. */
export function connect(api: string, token: () => string | Promise<string>): Candlecast {
  const client = createClient<paths>({ baseUrl: api });
  client.use({
    async onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${await token()}`);
      return request;
    },
    async onResponse({ response }) {
      if (response.ok) return;
      const isProblem = response.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
      throw new Refused(response.status, isProblem ? ((await response.json()) as Problem) : null);
    },
  });
  return client;
}

/** The body of an answer. Refusals are thrown before, so that a body is always there. */
export function body<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new TypeError("the answer has no body");
  return answer.data;
}
