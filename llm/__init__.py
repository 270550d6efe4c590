"""How do we talk to models, and how do passages become a grounded answer?"""
