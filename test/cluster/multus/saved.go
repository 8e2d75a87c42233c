// What was attached to a container is saved at ADD, so that DEL needs neither the pod nor the definitions.
package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

func savedPath(c *config, containerID string) string { return filepath.Join(c.CNIDir, containerID) }

func saveDelegates(c *config, containerID string) error {
	data, err := json.Marshal(c.delegates)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.CNIDir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(savedPath(c, containerID), data, 0o600)
}

// loadDelegates replaces the delegates by the saved ones; false when nothing was saved.
func loadDelegates(c *config, containerID string) (bool, error) {
	data, err := os.ReadFile(savedPath(c, containerID))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var saved []*delegate
	if err := json.Unmarshal(data, &saved); err != nil {
		return false, err
	}
	c.delegates = saved
	return len(saved) > 0, nil
}
