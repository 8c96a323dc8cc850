import { describe, expect, it } from "vitest";
import { costFacts, modelText, stepsText } from "./details";
import { bytes, duration, python } from "./format";

describe("details", () => {
  it("says what logging has cost, as a sum, per log and as a share", () => {
    const cost = {
      ...{ logs: 12, skipped: 0, left_out: 3, bytes_written: 11_300_000, preparation_seconds: 2.1 },
      ...{ stall_seconds: 0.84, closing_seconds: 0.06, background_seconds: 4.2, seconds: 310.5 },
    };
    expect(costFacts(cost)).toEqual([
      ["Logs", "12"],
      ["Left out", "3, to stay within max_overhead"],
      ["Written", "11.3 MB · 942 kB per log"],
      ["Training waited", "3.00 s · 1.0 % of 5 min 11 s"],
      ["to prepare", "2.10 s"],
      ["per log", "70 ms"],
      ["at the end", "60 ms"],
      ["In the background", "4.20 s"],
    ]);
    expect(costFacts({ ...cost, skipped: 2 })).toContainEqual(["Skipped", "2 (queue full, fault or bytes used up)"]);
  });

  it("leaves out what is not known, and divides by nothing", () => {
    expect([costFacts(), costFacts({})]).toEqual([[], []]);
    expect(costFacts({ logs: 0, bytes_written: 90, stall_seconds: 0, seconds: 0 })).toEqual([
      ["Logs", "0"],
      ["Written", "90 B"],
      ["Training waited", "0 s"],
    ]);
  });

  it("names the model as far as it is known", () => {
    expect(modelText({ name: "demo", class_name: "Sequential", parameters: 1 })).toBe(
      "demo · Sequential · 1 parameter",
    );
    expect([modelText({}), modelText()]).toEqual(["", ""]);
  });

  it("tells steps that were not kept from steps without pictures", () => {
    expect(stepsText(17, 17, 17, 50)).toBe("17 logged, all shown");
    expect(stepsText(200, 200, 50, 50)).toBe("200 logged, 50 shown: TensorBoard keeps 50");
    expect(stepsText(5, 2, 2, 50)).toBe("5 logged, 2 with pictures, all shown");
    expect(stepsText(200, 120, 50, null)).toBe("200 logged, 120 with pictures, 50 shown");
    expect(stepsText(5, 0, 5, 50)).toBe("5 logged, none with pictures, all shown");
  });
});

describe("format", () => {
  it("writes bytes in decimal units of three digits", () => {
    expect([0, 999, 1000, 941_666, 999_999, 11_300_000, 2e9].map(bytes)).toEqual([
      ...["0 B", "999 B", "1.00 kB", "942 kB", "1.00 MB", "11.3 MB", "2.00 GB"],
    ]);
  });

  it("writes durations from microseconds to hours", () => {
    expect([0, 0.0000123, 0.0702, 0.9999, 2.94, 119.4, 119.7, 310.5, 7260, 3599.9].map(duration)).toEqual([
      ...["0 s", "0.0123 ms", "70.2 ms", "1.00 s", "2.94 s", "119 s", "2 min 0 s", "5 min 11 s", "2 h 1 min"],
      "1 h 0 min",
    ]);
  });

  it("writes options as the training script has them", () => {
    expect(python({ a: [null, true, 3], b: "x" })).toBe('{"a": [None, True, 3], "b": "x"}');
  });
});
