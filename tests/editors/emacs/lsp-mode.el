;;; lsp-mode.el --- A finding in Emacs with lsp-mode, beside another server  -*- lexical-binding: t; -*-

;; emacs -Q --batch -l lsp-mode.el SNIPPET FILE

(require 'cl-lib)
(dolist (folder (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa/*"))
  (add-to-list 'load-path folder))
(setq create-lockfiles nil make-backup-files nil inhibit-message t lsp-auto-guess-root t lsp-enable-snippet nil
      lsp-diagnostics-provider :none lsp-session-file (expand-file-name "lsp-session" temporary-file-directory)
      lsp-enable-file-watchers nil lsp-warn-no-matched-clients nil lsp-headerline-breadcrumb-enable nil)

(define-derived-mode terraform-mode prog-mode "Terraform" (setq-local comment-start "# "))
(add-to-list 'auto-mode-alist '("\\.tf\\'" . terraform-mode))
(define-derived-mode hcl-mode prog-mode "HCL")

(defvar suite (format "Emacs %s with lsp-mode" emacs-version))

(defun until (what condition)
  "Wait until CONDITION holds; end with a failure that names WHAT if it never does."
  (let ((limit (+ (float-time) 20)) (held nil))
    (while (and (not (setq held (ignore-errors (funcall condition)))) (< (float-time) limit))
      (accept-process-output nil 0.05))
    (unless held
      (princ (format "FAIL %s: timed out waiting for %s\n%S\n0 passed, 1 failed\n" suite what (lsp-diagnostics)))
      (kill-emacs 1))))

(defun findings ()
  (cl-loop for found being the hash-values of (lsp-diagnostics)
           append (mapcar (lambda (finding) (lsp:diagnostic-code? finding)) found)))

(let ((snippet (pop command-line-args-left)) (file (pop command-line-args-left)))
  (load snippet nil t)
  (find-file file)
  ;; The hook of the snippet waits until the buffer is shown.
  (lsp)
  (until "the finding" (lambda () (equal (findings) '("database-public"))))
  (cl-assert (cl-some (lambda (workspace) (eq 'countersign (lsp--workspace-server-id workspace))) (lsp-workspaces)))
  (princ (format "ok   %s: a finding\n1 passed, 0 failed\n" suite))
  (setq kill-emacs-hook nil)
  (kill-emacs 0))
