" Puts our function around one of copilot.vim's. It is sourced after copilot.vim's own file of this name, and is called so
" because an autoload function can only be defined in a file with its name. It lies off the runtimepath.
if exists('*copilot#TextQueuedForInsertion') && !exists('g:CountersignCopilotText')
  " Still the old function when the name stands for another.
  let g:CountersignCopilotText = funcref('copilot#TextQueuedForInsertion')
  function! copilot#TextQueuedForInsertion() abort
    return v:lua.require'countersign.assistants.copilot_vim'.queued(call(g:CountersignCopilotText, []))
  endfunction
endif
