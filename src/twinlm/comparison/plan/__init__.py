"""What is compared and what each model may spend: arms, pre-trainings, budgets."""
