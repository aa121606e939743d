@echo off
rem Runs Deno: the one on the PATH if it suits, else one that npm fetches. See scripts/deno.
setlocal
set /p pinned=<"%~dp0..\.deno-version"
if not defined DENO_TLS_CA_STORE set "DENO_TLS_CA_STORE=system,mozilla"
set "DENO_NO_UPDATE_CHECK=1"

set "wanted=recent"
if defined CI if not "%CI%"=="0" if /i not "%CI%"=="false" set "wanted=exact"
if "%~1"=="task" for %%t in (bench build ok release test) do if "%~2"=="%%t" set "wanted=exact"

rem The full name with its ending: a plain "deno" in this folder would be this script again.
set "deno="
set "found="
for /f "delims=" %%p in ('where $PATH:deno.exe 2^>nul') do if not defined deno set "deno=%%p"
if not defined deno goto npx
for /f "tokens=2" %%v in ('call "%deno%" -V 2^>nul') do set "found=%%v"
if not defined found goto npx
if "%found%"=="%pinned%" goto run
if "%wanted%"=="exact" goto npx
for /f "tokens=1,2 delims=." %%a in ("%found%") do (
  if %%a GTR 2 goto run
  if %%a EQU 2 if %%b GEQ 7 goto run
)

:npx
where npx >nul 2>nul
if errorlevel 1 (
  echo scripts\deno: needs Deno %pinned% ^(https://deno.com^) or Node with npx on the PATH 1>&2
  exit /b 127
)
set "deno="
for /f "delims=" %%d in ('npx --yes "--loglevel=error" --no-update-notifier "deno@%pinned%" eval --no-config --no-lock --print "Deno.execPath()" ^<nul') do set "deno=%%d"
if not defined deno (
  echo scripts\deno: Cannot get Deno %pinned% by npx: see above 1>&2
  exit /b 127
)

:run
"%deno%" %*
exit /b %errorlevel%
