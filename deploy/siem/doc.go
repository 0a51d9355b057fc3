// Package siem holds what is shipped for SIEMs to what the program really
// sends: in its tests sample events go through every rendering, and each field,
// column, metric, reason and value that the content names has to come out there
// or stand in the documentation.
package siem
