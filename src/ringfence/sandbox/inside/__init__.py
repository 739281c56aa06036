"""What runs on the other side: the zygote and the processes it forks. Standard library only, few imports, nothing of the host's."""
