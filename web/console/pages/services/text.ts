import { words } from "../../core/words.js";

export const t = words({
  title: ["Services", "サービス"],
  intro: ["What your plug-ins offer now, as it comes and goes.", "プラグインが現在提供しているサービスの一覧です。"],
  none: ["No service yet", "サービスはまだありません"],
  noneText: [
    "Connect a device, or try “gotapi run --demo”, which brings a simulated printer.",
    "機器を接続するか、「gotapi run --demo」で模擬プリンターを試してください。",
  ],
  online: ["Online", "オンライン"],
  offline: ["Offline", "オフライン"],
  count: ["{count} service, {online} online|{count} services, {online} online", "{count}件中{online}件がオンライン"],
  filter: ["Search", "検索"],
  noMatch: ["Nothing matches “{text}”", "「{text}」に一致するものはありません"],
  shown: ["The first {count} are shown; search for others.", "先頭の{count}件を表示しています。ほかは検索してください。"],
  by: ["by {plugin}", "提供: {plugin}"],
});
