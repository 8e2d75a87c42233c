// A log of what was done, one line per step, in the file that the configuration names.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

var logTo io.Writer = io.Discard

func openLog(path string) {
	if path == "" {
		return
	}
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	if file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
		logTo = file
	}
}

func logf(level, format string, args ...any) {
	fmt.Fprintf(logTo, "%s [%s] %s\n", time.Now().UTC().Format(time.RFC3339Nano), level, fmt.Sprintf(format, args...))
}

func logged(err error) error {
	logf("error", "%v", err)
	return err
}
