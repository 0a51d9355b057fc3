package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/config"
)

func sinksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sinks",
		Short: "Try the places that events are sent to",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage{errors.New("sinks needs test")}
		},
	}
	cmd.AddCommand(sinksTest())
	return cmd
}

func sinksTest() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test NAME",
		Short: "Send one event, marked as a test, and print what the receiver says",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			sink, err := sinkNamed(f, args[0])
			if err != nil {
				return err
			}
			id, receipt, err := audit.TestSink(cmd.Context(), sink, observerOf(f))
			if asJSON {
				said := map[string]any{"sink": sink.Name, "event": id, "answer": receipt, "taken": err == nil}
				if err != nil {
					said["error"] = err.Error()
				}
				if e := json.NewEncoder(cmd.OutOrStdout()).Encode(said); e != nil {
					return e
				}
			}
			if err != nil {
				return broke{fmt.Errorf("%s: %w", sink.Name, err), "what each class of failure means is in docs/sinks.md"}
			}
			if asJSON {
				return nil
			}
			if receipt == "" {
				receipt = "nothing: this protocol has no answers"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s took event %s and said %s\n", sink.Name, id, visible(receipt))
			return err
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// sinkNamed finds an entry of events.sinks.
func sinkNamed(f config.File, name string) (audit.SinkConfig, error) {
	var known []string
	for _, s := range f.Events.Sinks {
		if s.Name == name {
			return s, nil
		}
		known = append(known, s.Name)
	}
	if len(known) == 0 {
		return audit.SinkConfig{}, errors.New("the configuration has no sinks")
	}
	return audit.SinkConfig{}, fmt.Errorf("no sink %s; there are %s", visible(name), strings.Join(known, ", "))
}
