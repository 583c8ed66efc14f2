;;; countersign-lsp-mode.el --- Countersign with lsp-mode  -*- lexical-binding: t; -*-

;; Beside other servers: `:add-on? t' keeps terraform-ls, which lsp-mode starts by itself.
;; Load this file from your init file, or copy what you need.

(require 'lsp-mode)

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection '("countersign" "lsp"))
  :activation-fn (lsp-activate-on "terraform")
  :major-modes '(terraform-mode hcl-mode)
  :add-on? t
  :server-id 'countersign))

(add-hook 'terraform-mode-hook #'lsp-deferred)
(add-hook 'hcl-mode-hook #'lsp-deferred)

(provide 'countersign-lsp-mode)
;;; countersign-lsp-mode.el ends here
