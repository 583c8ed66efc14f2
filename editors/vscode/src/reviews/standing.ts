/** Where a request stands, in words. Nothing here knows the editor. */
import type { Range } from "vscode-languageclient";

export interface Answer {
  /** Who, by the signature; the answer's file where it does not count. */
  who: string;
  said?: "approved" | "rejected";
  at?: string;
  why?: string;
  doesNotCount?: string;
}

/** One request, as the server says where it stands. */
export interface Standing {
  id: string;
  /** Its own file, as a URI. */
  file: string;
  /** The file that it is about. */
  uri: string;
  path: string;
  address?: string;
  range?: Range;
  state: "waiting" | "approved" | "rejected" | "void" | "past";
  whyVoid?: string;
  /** Who had approved what it is about, where no approval counts now. */
  voided?: string[];
  about?: string;
  needs?: string;
  requestedBy: string;
  requestedAt: string;
  why: string;
  answers: Answer[];
  whoMay?: string[];
  mayApprove: boolean;
  mayReject: boolean;
  whyNot?: string;
}

/** The requests of one repository; the parameters of `countersign/reviews`. */
export interface Standings {
  root: string;
  you?: string;
  reviews: Standing[];
  problems: string[];
}

export type Verb = "approve" | "reject";

/** The state, in a few words. */
export function stateOf({ state }: Pick<Standing, "state">): string {
  switch (state) {
    case "waiting":
      return "waits for approval";
    case "approved":
      return "approved";
    case "rejected":
      return "rejected";
    case "void":
      return "void";
    case "past":
      return "merged or taken back";
  }
}

/** What the person here may do; the names that menus go by. */
export function verbsOf(standing: Standing | undefined): Verb[] {
  const may = { approve: standing?.mayApprove === true, reject: standing?.mayReject === true };
  return (["approve", "reject"] as const).filter((verb) => may[verb]);
}

/** What the request is about, in short. */
export function placeOf({ address, path }: Pick<Standing, "address" | "path">): string {
  return address ?? path;
}

/** One thing that somebody has said about a request. */
export interface Remark {
  who: string;
  /** What it is: that somebody asks, has answered, or what has become of it. */
  label: string;
  /** Lines. */
  text: string[];
  at?: string;
}

/** Everything that is to be said of a request: who asks and why, what it needs, who has answered, and what came of that. */
export function remarksOf(standing: Standing): Remark[] {
  const { requestedBy, requestedAt, why, about, needs, answers, whoMay = [] } = standing;
  const asked = [why, about ?? "", needs === undefined ? "" : `It needs ${needs}.`];
  if (whoMay.length > 0) {
    asked.push(`${whoMay.join(", ")} may approve it.`);
  }
  if (standing.state !== "void" && standing.whyNot !== undefined) {
    asked.push(`It is not for you to approve: ${standing.whyNot}.`);
  }
  const remarks: Remark[] = [
    { who: requestedBy, label: "asks", text: asked.filter((line) => line !== ""), at: requestedAt },
    ...answers.map(remarkOf),
  ];
  if (standing.state === "void") {
    const text = [`It does not hold any more: ${standing.whyVoid ?? "the text has changed since"}.`];
    if (standing.voided !== undefined && standing.voided.length > 0) {
      text.push(`The approval by ${standing.voided.join(" and ")} was for another text. Have the review requested anew.`);
    }
    remarks.push({ who: "Countersign", label: "void", text });
  }
  return remarks;
}

function remarkOf({ who, said, why = "", at, doesNotCount }: Answer): Remark {
  if (said === undefined) {
    return { who, label: "does not count", text: [`This answer does not count: ${doesNotCount ?? "nobody knows why"}.`] };
  }
  const text = [why === "" ? `I have ${said} it.` : why];
  return at === undefined ? { who, label: said, text } : { who, label: said, text, at };
}

/** The arguments of the program that answers at a terminal. A text that begins with a hyphen is no option. */
export function argumentsOf(verb: Verb, id: string, why: string): string[] {
  const text = why.trim();
  return ["review", verb, id, "--stay", ...(text === "" ? [] : [`--why=${text}`])];
}
