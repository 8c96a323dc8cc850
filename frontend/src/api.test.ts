import { afterEach, describe, expect, it, vi } from "vitest";
import type { ImageKey } from "./api";
import { ApiError, fetchAtlas, fetchRuns, isAbort } from "./api";
import { encodeAtlas } from "./testing";

const header = {
  ...{ schema_version: 1, view: "maps", shape: [1, 1, 1], axes: [], dtype: "float32", tile: [1, 1], columns: 1 },
  ...{ downsampling: [1, 1], channels: [0], ranges: [[0, 1]], levels: [256] },
};
const png = () => new Response(encodeAtlas(1, 1, [7], header) as BodyInit);
const key = (step: number): ImageKey => ({ run: "a b/c", layer: "x#1", sample: 0, step, wallTime: 1.5 });
const signal = () => new AbortController().signal;

/** A fetch that answers when told to, and gives up when its signal says so. */
function slowFetch() {
  const answers: ((response: Response) => void)[] = [];
  const fetch = vi.fn(
    (_: string, init: RequestInit) =>
      new Promise<Response>((resolve, reject) => {
        answers.push(resolve);
        init.signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      }),
  );
  vi.stubGlobal("fetch", fetch);
  return { fetch, answers };
}

afterEach(() => vi.unstubAllGlobals());

describe("api", () => {
  it("escapes what it puts into an address", async () => {
    const fetch = vi.fn(() => Promise.resolve(png()));
    vi.stubGlobal("fetch", fetch);
    await fetchAtlas(key(0), signal());
    expect(fetch).toHaveBeenCalledWith(
      "image?run=a+b%2Fc&layer=x%231&sample=0&step=0&wall_time=1.5",
      expect.anything(),
    );
  });

  it("asks once for a picture that several want, and keeps it", async () => {
    const { fetch, answers } = slowFetch();
    const both = Promise.all([fetchAtlas(key(1), signal()), fetchAtlas(key(1), signal())]);
    answers[0]?.(png());
    const [first, second] = await both;
    expect(first).toBe(second);
    expect(await fetchAtlas(key(1), signal())).toBe(first);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it("gives a request up only when nobody waits for it any more", async () => {
    const { fetch, answers } = slowFetch();
    const [one, other] = [new AbortController(), new AbortController()];
    const first = fetchAtlas(key(2), one.signal).catch(isAbort);
    const second = fetchAtlas(key(2), other.signal);
    one.abort();
    expect(fetch.mock.calls[0]?.[1].signal?.aborted).toBe(false);
    answers[0]?.(png());
    expect((await second).codes[0]).toBe(7);
    expect(await first).toBe(true);
    const third = fetchAtlas(key(3), AbortSignal.abort()).catch(isAbort);
    expect(await third).toBe(true);
    expect(fetch).toHaveBeenCalledTimes(1);
  });

  it("forgets a failure, and passes on the server's sentence", async () => {
    const refused = new Response(JSON.stringify({ error: "This picture is gone." }), { status: 404 });
    vi.stubGlobal("fetch", vi.fn().mockResolvedValueOnce(refused).mockResolvedValueOnce(png()));
    const error: unknown = await fetchAtlas(key(4), signal()).catch((reason: unknown) => reason);
    expect(error).toEqual(new ApiError("This picture is gone.", 404));
    expect((await fetchAtlas(key(4), signal())).codes[0]).toBe(7);
  });

  it("knows when nothing changed, and when nobody answers", async () => {
    vi.stubGlobal(
      "fetch",
      vi
        .fn()
        .mockResolvedValueOnce(new Response(null, { status: 304 }))
        .mockRejectedValueOnce(new TypeError()),
    );
    expect(await fetchRuns('W/"1"', signal())).toBeNull();
    await expect(fetchRuns(null, signal())).rejects.toThrow("does not answer");
  });
});
