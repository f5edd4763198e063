/** What the hub and its own plug-ins say in English, in the user's language. */
import { locale } from "../core/words.js";

// By the English text and not by a name: what another plug-in says of itself is never replaced.
const JAPANESE: Readonly<Record<string, string>> = {
  "see which services there are": "利用できるサービスの一覧を見る",
  "see what a service can do": "サービスでできることを調べる",
  "see which plug-ins the hub has": "ハブのプラグインを見る",
  "use the 3D printers: see their state, print files on them, stop prints":
    "3Dプリンターを使う（状態の確認、ファイルの印刷、印刷の停止）",
  "see the 3D scenes of this hub, also private ones, and show models in them":
    "このハブの3Dシーン（非公開のものを含む）を見る、モデルを表示する",
  "make 3D models of your drawings, with a service on this machine or another":
    "絵から3Dモデルを作る（このコンピューターまたは別のコンピューターのサービスを使用）",
  "Creation service of this hub": "このハブのモデル作成サービス",
  "3D scenes of this hub": "このハブの3Dシーン",
  "3D contents creation": "3Dモデル作成",
  "3D scenes": "3Dシーン",
  "3D printers": "3Dプリンター",
  "waiting for the pictures": "画像を待っています",
  "sending the pictures": "画像を送信中",
  "fetching the model": "モデルを取得中",
  "reading the drawings": "絵を読み取り中",
  "looking at the outlines": "輪郭を調べています",
  "inflating": "立体にしています",
  "choosing the figure": "形を選んでいます",
  "preview": "プレビューを作成中",
  "thinning out and colouring": "形を整えて色を付けています",
  "writing files": "ファイルを書き出し中",
  "drawing previews": "プレビュー画像を描画中",
  "loading the model file": "モデルファイルを読み込み中",
  "running the model file": "モデルファイルを実行中",
  "making a surface": "表面を作成中",
  "sending the drawings": "絵を送信中",
  "the graph runs": "グラフを実行中",
  "serial ports: all": "シリアルポート: すべて",
  "any host": "すべての接続先",
};

// What comes before the names in what a plug-in may reach.
const BEFORE: Readonly<Record<string, string>> = {
  "serial ports: ": "シリアルポート: ",
  "network: ": "ネットワーク: ",
  "folders to read: ": "読み取るフォルダー: ",
  "for applications that may: ": "次の権限を持つアプリケーションの代理: ",
};

/** A text of the hub in the user's language; one that is not known stays as it is. */
export function said(text: string): string {
  return locale.value === "ja" ? (JAPANESE[text] ?? text) : text;
}

/** A right of a plug-in in the user's language. */
export function saidRight(text: string): string {
  const known = said(text);
  const before = Object.keys(BEFORE).find((one) => text.startsWith(one));
  if (known !== text || before === undefined || locale.value !== "ja") return known;
  return `${BEFORE[before] ?? ""}${said(text.slice(before.length))}`;
}
