"""From numbers to sentences, tables and plots, and to the page that shows them."""
