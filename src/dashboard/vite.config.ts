import { defineConfig } from "vite";

// Everything in files of its own: the page is served with a policy that forbids what is inline.
export default defineConfig({
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    cssTarget: "esnext", // light-dark() stays what it is
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
