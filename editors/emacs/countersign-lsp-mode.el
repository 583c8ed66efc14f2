;;; countersign-lsp-mode.el --- Countersign with lsp-mode  -*- lexical-binding: t; -*-

;; Beside other servers: `:add-on? t' keeps terraform-ls, which lsp-mode starts by itself.
;; Load this file from your init file, or copy what you need.

(require 'lsp-mode)

(defun countersign-tiers-p (file)
  "Whether the settings of FILE's project name tiers at all.
Which files are critical the server knows; it leaves the others alone."
  (when-let ((folder (locate-dominating-file file "countersign.toml")))
    (with-temp-buffer
      (insert-file-contents (expand-file-name "countersign.toml" folder))
      (re-search-forward "^\\[\\[ *tier *\\]\\]" nil t))))

(defun countersign-wanted-p (file mode)
  "Whether the server looks at FILE, which is shown in MODE."
  (or (memq mode '(terraform-mode hcl-mode))
      (funcall (lsp-activate-on "terraform") file mode)
      (and file (string= (file-name-nondirectory file) "countersign.toml"))
      (and file (string-match-p "/\\.countersign/risks/[^/]+\\.md\\'" file))
      (and file (countersign-tiers-p file))))

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection '("countersign" "lsp"))
  :activation-fn #'countersign-wanted-p
  :add-on? t
  :server-id 'countersign))

(add-hook 'terraform-mode-hook #'lsp-deferred)
(add-hook 'hcl-mode-hook #'lsp-deferred)
(add-hook 'conf-toml-mode-hook #'lsp-deferred)
(add-to-list 'lsp-language-id-configuration '(conf-toml-mode . "toml"))

(provide 'countersign-lsp-mode)
;;; countersign-lsp-mode.el ends here
