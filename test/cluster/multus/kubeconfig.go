// Where the API server is and who we are there, from a kubeconfig file.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

type kubeconfig struct {
	Current  string `json:"current-context"`
	Clusters []struct {
		Name    string `json:"name"`
		Cluster struct {
			Server     string `json:"server"`
			CA         string `json:"certificate-authority"`
			CAData     []byte `json:"certificate-authority-data"`
			Insecure   bool   `json:"insecure-skip-tls-verify"`
			ServerName string `json:"tls-server-name"`
		} `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		Name string `json:"name"`
		User struct {
			Token     string `json:"token"`
			TokenFile string `json:"tokenFile"`
			Cert      string `json:"client-certificate"`
			CertData  []byte `json:"client-certificate-data"`
			Key       string `json:"client-key"`
			KeyData   []byte `json:"client-key-data"`
		} `json:"user"`
	} `json:"users"`
	Contexts []struct {
		Name    string `json:"name"`
		Context struct {
			Cluster string `json:"cluster"`
			User    string `json:"user"`
		} `json:"context"`
	} `json:"contexts"`
}

// newKube makes a client from the current context: token or token file or client certificate, CA as file or data.
func newKube(path string) (*kube, error) {
	if path == "" {
		return nil, errors.New("the configuration names no kubeconfig")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file kubeconfig
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	client := &kube{}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	for _, context := range file.Contexts {
		if context.Name != file.Current {
			continue
		}
		if err := file.useCluster(context.Context.Cluster, filepath.Dir(path), client, settings); err != nil {
			return nil, err
		}
		if err := file.useUser(context.Context.User, filepath.Dir(path), client, settings); err != nil {
			return nil, err
		}
		client.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: settings}}
		return client, nil
	}
	return nil, fmt.Errorf("%s has no context %q", path, file.Current)
}

func (file *kubeconfig) useCluster(name, folder string, client *kube, settings *tls.Config) error {
	for _, each := range file.Clusters {
		if each.Name != name {
			continue
		}
		client.server = strings.TrimSuffix(each.Cluster.Server, "/")
		settings.InsecureSkipVerify = each.Cluster.Insecure
		settings.ServerName = each.Cluster.ServerName
		authority, err := inlineOrFile(each.Cluster.CAData, each.Cluster.CA, folder)
		if err != nil || authority == nil {
			return err
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(authority) {
			return errors.New("the certificate authority is not PEM")
		}
		return nil
	}
	return fmt.Errorf("no cluster %q", name)
}

func (file *kubeconfig) useUser(name, folder string, client *kube, settings *tls.Config) error {
	for _, each := range file.Users {
		if each.Name != name {
			continue
		}
		client.token = each.User.Token
		if client.token == "" && each.User.TokenFile != "" {
			text, err := inlineOrFile(nil, each.User.TokenFile, folder)
			if err != nil {
				return err
			}
			client.token = strings.TrimSpace(string(text))
		}
		certificate, err := inlineOrFile(each.User.CertData, each.User.Cert, folder)
		if err != nil || certificate == nil {
			return err
		}
		key, err := inlineOrFile(each.User.KeyData, each.User.Key, folder)
		if err != nil {
			return err
		}
		pair, err := tls.X509KeyPair(certificate, key)
		settings.Certificates = []tls.Certificate{pair}
		return err
	}
	return fmt.Errorf("no user %q", name)
}

func inlineOrFile(data []byte, path, folder string) ([]byte, error) {
	if data != nil || path == "" {
		return data, nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	return os.ReadFile(path)
}
