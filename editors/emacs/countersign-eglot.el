;;; countersign-eglot.el --- Countersign with Eglot  -*- lexical-binding: t; -*-

;; Eglot runs one server for a buffer. If you use terraform-ls beside it, take lsp-mode (countersign-lsp-mode.el).
;; Load this file from your init file, or copy what you need.

(require 'eglot)

;; terraform-mode and hcl-mode are in MELPA.
(add-to-list 'eglot-server-programs '((terraform-mode hcl-mode) . ("countersign" "lsp")))

(add-hook 'terraform-mode-hook #'eglot-ensure)
(add-hook 'hcl-mode-hook #'eglot-ensure)

(defun countersign-settings ()
  "Have the server help in a countersign.toml, and in no other TOML file."
  (when (and buffer-file-name
             (string= (file-name-nondirectory buffer-file-name) "countersign.toml"))
    (setq-local eglot-server-programs
                '(((conf-toml-mode toml-mode toml-ts-mode) . ("countersign" "lsp"))))
    (eglot-ensure)))

(add-hook 'conf-toml-mode-hook #'countersign-settings)
(add-hook 'toml-mode-hook #'countersign-settings)
(add-hook 'toml-ts-mode-hook #'countersign-settings)

(defun countersign-critical ()
  "Have the server alone for a buffer of another language.
For files that a `[[tier]]' of countersign.toml calls critical: Eglot
runs one server for a buffer, so this is asked for by hand, or by a
hook of your own."
  (interactive)
  (setq-local eglot-server-programs (list (cons major-mode '("countersign" "lsp"))))
  (eglot-ensure))

(defun countersign-command (command &optional more)
  "Run COMMAND of the server on the region, or on the line of point.
MORE is a plist that is added to its argument, (:reason \"…\") for
instance."
  (let ((beg (if (use-region-p) (region-beginning) (line-beginning-position)))
        (end (if (use-region-p) (region-end) (line-end-position))))
    ;; Not `jsonrpc-request': up to Emacs 28 it leaves an edit unread that comes together with the answer.
    (jsonrpc-async-request
     (eglot--current-server-or-lose) :workspace/executeCommand
     (list :command (concat "countersign." command)
           :arguments (vector (append (list :uri (plist-get (eglot--TextDocumentIdentifier) :uri)
                                            :range (list :start (eglot--pos-to-lsp-position beg)
                                                         :end (eglot--pos-to-lsp-position end)))
                                      more)))
     :success-fn #'ignore
     :error-fn (lambda (problem) (message "Countersign: %s" (plist-get problem :message))))))

(defun countersign-tag (tool)
  "Say in comments that TOOL wrote the region."
  (interactive "sTool: ")
  (countersign-command "tagProvenance" (list :tool tool)))

(defun countersign-review (reason)
  "Ask for a review of the region, for REASON."
  (interactive "sReason: ")
  (countersign-command "requestReview" (list :reason reason)))

(defun countersign-human ()
  "Record that a person wrote the region."
  (interactive)
  (countersign-command "iWroteThis"))

(defun countersign-who ()
  "Say who wrote the line or region, and how that is known."
  (interactive)
  (countersign-command "showOrigin"))

(provide 'countersign-eglot)
;;; countersign-eglot.el ends here
