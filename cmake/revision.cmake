# Writes OUTPUT from TEMPLATE with the revision of the checkout at SOURCE, "-changed" behind it where tracked files differ
# from it. Run when HEAD moves or a source changes.
set(git git -c safe.directory=* -C ${SOURCE})
execute_process(COMMAND ${git} rev-parse --short=12 HEAD
                OUTPUT_VARIABLE PAGEWALK_GIT_REVISION OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed EQUAL 0)
    execute_process(COMMAND ${git} status --porcelain --untracked-files=no OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
        string(APPEND PAGEWALK_GIT_REVISION -changed)
    endif()
else()
    set(PAGEWALK_GIT_REVISION unknown)
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
