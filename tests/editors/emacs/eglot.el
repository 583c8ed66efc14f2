;;; eglot.el --- The story in Emacs with Eglot  -*- lexical-binding: t; -*-

;; emacs -Q --batch -l eglot.el SNIPPET FILE

(require 'cl-lib)
;; Emacs 29 brings Eglot along; before, Debian has it as a package.
(dolist (folder (file-expand-wildcards "/usr/share/emacs/site-lisp/elpa/*"))
  (add-to-list 'load-path folder))
(setq create-lockfiles nil make-backup-files nil eglot-sync-connect 20 eglot-confirm-server-initiated-edits nil
      eglot-confirm-server-edits nil inhibit-message t)

;; What MELPA's package does for us here.
(define-derived-mode terraform-mode prog-mode "Terraform" (setq-local comment-start "# "))
(add-to-list 'auto-mode-alist '("\\.tf\\'" . terraform-mode))
(define-derived-mode hcl-mode prog-mode "HCL")

(defvar passed 0)
(defvar suite (format "Emacs %s" emacs-version))

(defun until (what condition)
  "Wait until CONDITION holds; end with a failure that names WHAT if it never does."
  (let ((limit (+ (float-time) 20)) (held nil))
    (while (and (not (setq held (ignore-errors (funcall condition)))) (< (float-time) limit))
      (accept-process-output nil 0.05))
    (if held held
      (princ (format "FAIL %s: timed out waiting for %s\n%s\n%S\n" suite what
                     (buffer-string) (mapcar #'flymake-diagnostic-text (flymake-diagnostics))))
      (princ (ignore-errors
               (with-current-buffer (jsonrpc-events-buffer (eglot-current-server))
                 (buffer-substring (max (point-min) (- (point-max) 4000)) (point-max)))))
      (kill-emacs 1))))

(defun ok (what)
  (princ (format "ok   %s: %s\n" suite what))
  (setq passed (1+ passed)))

(defun lines () (split-string (buffer-string) "\n" t))

(let ((snippet (pop command-line-args-left)) (file (pop command-line-args-left)))
  (load snippet nil t)
  (find-file file)
  (setq buffer-read-only nil)
  ;; `eglot-ensure' of the snippet's hook waits for a command, and there is none in batch mode.
  (run-hooks 'post-command-hook)
  (until "the server" #'eglot-current-server)
  (flymake-mode 1)
  (until "the finding" (lambda () (= 1 (length (flymake-diagnostics)))))
  (let ((finding (car (flymake-diagnostics))))
    (cl-assert (= 2 (line-number-at-pos (flymake-diagnostic-beg finding))))
    (cl-assert (string-match-p "gets a public address" (flymake-diagnostic-text finding)))
    (ok "a finding, on its line")
    (goto-char (flymake-diagnostic-beg finding))
    (let ((hover (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                                  (eglot--TextDocumentPositionParams))))
      (cl-assert (string-match-p "What to do" (format "%S" hover))))
    (ok "hover")
    (cl-letf ((last-nonmenu-event t) ((symbol-function 'completing-read)
               (lambda (_ choices &rest _) (cl-find-if (lambda (title) (string-prefix-p "Fix:" title))
                                                       (mapcar (lambda (c) (if (consp c) (car c) c)) choices)))))
      (eglot-code-actions (flymake-diagnostic-beg finding) (flymake-diagnostic-end finding) nil t)))
  (until "the fix" (lambda () (member "  publicly_accessible = false" (lines))))
  ;; In batch mode nobody is idle, so changes are sent when the buffer is saved.
  (save-buffer)
  (until "no finding" (lambda () (null (flymake-diagnostics))))
  (ok "a code action changes the text and the file")
  (goto-char (point-min))
  (push-mark (point-max) t t)
  (let ((transient-mark-mode t)) (setq mark-active t) (countersign-tag "claude"))
  (until "the tag" (lambda () (and (string-prefix-p "# ai-provenance: begin" (car (lines)))
                                   (string-prefix-p "# ai-provenance: end" (car (last (lines)))))))
  (setq mark-active nil)
  (ok "a tag around the region")
  (goto-char (point-min))
  (forward-line 1)
  (save-buffer)
  (countersign-review "is this meant?")
  (until "the request" (lambda () (directory-files (expand-file-name ".countersign/reviews") nil "json$")))
  (ok "a review is requested as a file")
  (set-buffer-modified-p nil)
  (eglot-shutdown (eglot-current-server))
  (princ (format "%d passed, 0 failed\n" passed))
  (kill-emacs 0))
