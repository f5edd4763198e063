"""`gotapi create`: an application that makes a model of drawings, with a hub or without one."""
