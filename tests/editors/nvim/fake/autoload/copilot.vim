" A stand-in for copilot.vim: the same functions, and its key inserts what TextQueuedForInsertion returns.
function! copilot#Show(text) abort
  let s:shown = a:text
endfunction

function! copilot#TextQueuedForInsertion() abort
  return exists('s:text') ? remove(s:, 'text') : ''
endfunction

function! copilot#Accept(...) abort
  if !exists('s:shown')
    return "\t"
  endif
  let s:text = remove(s:, 'shown')
  return "\<C-R>\<C-O>=copilot#TextQueuedForInsertion()\<CR>" . "\<End>"
endfunction
